metadata description = 'Azure\'s word about machines: the health events of the subscription, delivered to the app, with a place for what could not be delivered.'

@description('Required. Name of the topic.')
param topicName string

@description('Required. Resource id of the app.')
param appId string

@description('Required. Resource id of the account that takes dead letters.')
param deadLetterAccountId string

@description('Required. Container that takes dead letters.')
param deadLetterContainer string

@description('Required. Ending that makes names unique.')
param suffix string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource health 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'leeward-${suffix}'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${appId}/functions/on_health_event'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: [
        'Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged'
        'Microsoft.ResourceNotifications.HealthResources.ResourceAnnotated'
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterDestination: {
      endpointType: 'StorageBlob'
      properties: {
        resourceId: deadLetterAccountId
        blobContainerName: deadLetterContainer
      }
    }
  }
}
