metadata description = 'The topic of the subscription\'s health events. There can be one of a subscription, whoever made it.'

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Tags.')
param tags object

// No identity: Event Grid gives none to topics of global sources, and a subscription is one.
resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-health-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    source: subscription().id
    topicType: 'Microsoft.ResourceNotifications.HealthResources'
  }
}
