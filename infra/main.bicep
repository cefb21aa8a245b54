metadata name = 'Leeward'
metadata description = 'The disaster-recovery autopilot, in a subscription of its own or beside the applications it protects.'

targetScope = 'subscription'

@description('Required. Name of the environment, as azd knows it. Part of every name.')
@minLength(1)
@maxLength(20)
param environmentName string

@description('Required. Region that Leeward runs in: the recovery region or a third one, never a protected one.')
param location string

@description('Required. Regions whose applications Leeward protects. Nothing of Leeward is ever put there; the alerts of Service Health listen for them.')
@minLength(1)
param protectedRegions string[]

@description('Required. Display names of the same regions, East US for eastus: Service Health knows them by these.')
@minLength(1)
param protectedRegionNames string[]

@description('Required. Client id of the app registration that callers of Leeward get their tokens for; its manifest says requestedAccessTokenVersion 2.')
param apiClientId string

@description('Required. Object id of that registration, of the application and not of its service principal; the action group gets its token for it.')
param apiObjectId string

@description('Optional. Tenant whose tokens are accepted.')
param tenantId string = tenant().tenantId

@description('Optional. Where orchestrations are kept: AzureStorage is the cheapest and simplest; DurableTaskScheduler has a dashboard and push delivery.')
@allowed(['AzureStorage', 'DurableTaskScheduler'])
param storageProvider string = 'AzureStorage'

@description('Optional. Flex wakes fast from two instances that are always ready; Premium keeps whole instances and has deployment slots.')
@allowed(['Flex', 'Premium'])
param hosting string = 'Flex'

@description('Optional. active acts; standby is a second app in a third region that starts nothing by itself and acts when people ask it to.')
@allowed(['active', 'standby'])
param stance string = 'active'

@description('Optional. Blob endpoint, with its slash, of the account that holds the ledger which an active and a standby app share. Empty: this app has its own.')
param sharedLockEndpoint string = ''

@description('Optional. Principal ids of the other apps\' observe identities that share the ledger kept here, by commas.')
param ledgerPrincipals string = ''

@description('Optional. Resource id of an existing Recovery Services vault. Empty: one is made in this region.')
param vaultId string = ''

@description('Optional. Whether the new vault is set up for replication between the first protected region and the recovery region.')
param setUpReplication bool = false

@description('Optional. Region that applications recover to; where setUpReplication puts the second fabric.')
param recoveryRegion string = location

@description('Optional. Resource id of an existing Traffic Manager profile. Empty: one is made where trafficEndpoints are given.')
param profileId string = ''

@description('Optional. One endpoint per region for a new profile: name, target, region, and whether it serves now.')
param trafficEndpoints trafficEndpoint[] = []

@description('Optional. DNS name of a new profile, below trafficmanager.net.')
param trafficDnsName string = ''

@description('Optional. Resource ids of resource groups with machines, networks or cache storage of applications, at home and in the recovery region, of any subscription in the tenant: Leeward reads there, finds what a drill left, and hears of the health of their subscriptions.')
param applicationResourceGroups string[] = []

@description('Optional. Whether the app subscribes to the health events of machines. Azure refuses it before the app\'s functions are there: deploy them first.')
param subscribeToHealth bool = false

@description('Optional. Resource ids of system topics of health events that are there already, by commas; a subscription can have but one. Where none is named, it is made.')
param healthTopicIds string = ''

@description('Optional. Resource ids of Automation accounts whose runbooks plans name. It lets the identity that fails over start any runbook of theirs.')
param automationAccountIds string[] = []

@description('Optional. Whether Leeward may set up replication in the vault and push recovery plans. It is power that no failover needs: grant it while applications are taken in.')
param grantProtection bool = false

@description('Optional. Whether the identity that fails over also holds what Azure checks on machines, networks and storage when replication is enabled; re-protection may be checked likewise.')
param grantLinkedAccess bool = grantProtection

@description('Optional. Days for which evidence can be neither changed nor deleted.')
@minValue(1)
@maxValue(3650)
param evidenceRetentionDays int = 2555

@description('Optional. Whether the evidence container\'s policy has been locked: Azure takes no locked policy a second time.')
param evidenceLocked bool = false

@description('Optional. Mail addresses that hear of Leeward\'s own troubles.')
param operatorMails string[] = []

@description('Optional. Name of a Key Vault in this resource group whose secrets the chat channels use. Empty: none is made and chat stays off.')
param keyVaultName string = ''

@description('Optional. Resource id of a subnet, delegated to the app, from which gates reach the machines\' private addresses. Empty: they are reached through probeProxy or from the internet.')
param subnetId string = ''

@description('Optional. Forward proxy that the probes of gates go through.')
param probeProxy string = ''

@description('Optional. Where else probes are sent from: name=forward proxy there, by commas.')
param vantagePoints string = ''

@description('Optional. The most that any plan\'s reach may name: hosts, *.suffixes, networks, by commas. Empty: plans say alone.')
param reach string = ''

@description('Optional. Chats whose secrets are in keyVaultName: slack, teams, or both by comma. Put the secrets in first: the app does not start on a reference that leads nowhere.')
param chats string = ''

@description('Optional. File, or URL of a blob, that says whom chat accounts belong to. Empty: nobody.')
param chatPeople string = ''

@description('Optional. A reason why nothing may move by itself; people\'s runs go on. Empty: the switch is off.')
param killSwitch string = ''

@description('Optional. Resolvers that are asked where users are sent, as ip or ip:port, by commas.')
param dnsResolvers string = '1.1.1.1,8.8.8.8,9.9.9.9'

@description('Optional. How many requests one caller may send in a minute; alerts are never turned away.')
param requestsPerMinute int = 600

@description('Optional. Secrets that actions may send: name and the one host of each; the value is action-NAME in keyVaultName.')
param actionSecrets array = []

@description('Optional. Tags on everything.')
param tags object = {}

@description('One endpoint of the Traffic Manager profile.')
type trafficEndpoint = {
  @description('Name of the endpoint, as plans write it.')
  name: string
  @description('Public DNS name or address that serves there.')
  target: string
  @description('Region that it serves from.')
  region: string
  @description('Whether users are sent there now.')
  enabled: bool
}

var suffix = toLower(uniqueString(subscription().id, environmentName, location))
var allTags = union(tags, { 'azd-env-name': environmentName })
var groupName = 'rg-leeward-${environmentName}'
var makesVault = empty(vaultId)
var makesProfile = empty(profileId) && !empty(trafficEndpoints)
var hasProfile = makesProfile || !empty(profileId)
var madeVaultName = 'rsv-leeward-${suffix}'
var madeProfileName = 'traf-${trafficDnsName}'
// A module's scope must be known before anything is deployed, so it comes from names and never from outputs.
var here = {
  subscription: toLower(subscription().subscriptionId)
  group: groupName
}
var vaultPlace = makesVault ? union(here, { name: madeVaultName }) : {
  subscription: split(vaultId, '/')[2]
  group: split(vaultId, '/')[4]
  name: last(split(vaultId, '/'))
}
var profilePlace = empty(profileId) ? union(here, { name: madeProfileName }) : {
  subscription: split(profileId, '/')[2]
  group: split(profileId, '/')[4]
  name: last(split(profileId, '/'))
}

var applicationGroupIds = [
  for id in applicationResourceGroups: startsWith(id, '/subscriptions/') && length(split(id, '/')) == 5
    ? id
    : fail('applicationResourceGroups: ${id} is no id of a group; give /subscriptions/ID/resourceGroups/NAME')
]
var grantedIn = union(
  [here.subscription, toLower(vaultPlace.subscription), toLower(profilePlace.subscription)],
  map(concat(automationAccountIds, applicationGroupIds), id => toLower(split(id, '/')[2]))
)
var groupElsewhere = '${groupName}-${suffix}'
var topicsGiven = toObject(filter(split(healthTopicIds, ','), id => !empty(id)), id => toLower(split(id, '/')[2]))
// Service Health, Resource Health and health events are told to nobody outside the subscription that they are of.
var listeningPlaces = [
  for one in union([here.subscription], map(applicationGroupIds, id => toLower(split(id, '/')[2]))): {
    subscription: one
    group: one == here.subscription ? groupName : groupElsewhere
  }
]
var watched = [
  for place in listeningPlaces: union(place, {
    makesTopic: !contains(topicsGiven, place.subscription)
    topicId: contains(topicsGiven, place.subscription)
      ? topicsGiven[place.subscription]
      : '/subscriptions/${place.subscription}/resourceGroups/${place.group}/providers/Microsoft.EventGrid/systemTopics/evgt-health-${suffix}'
  })
]

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: groupName
  location: location
  tags: allTags
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    location: location
    suffix: suffix
    tags: allTags
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles-${environmentName}'
  params: {
    environmentName: environmentName
    subscriptionIds: grantedIn
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    suffix: suffix
    evidenceRetentionDays: evidenceRetentionDays
    evidenceLocked: evidenceLocked
    principalIds: [identities.outputs.observe.principalId]
    tags: allTags
  }
}

module ledgerAccess 'modules/access-ledger.bicep' = if (!empty(ledgerPrincipals)) {
  name: 'access-ledger'
  scope: group
  params: {
    accountName: storage.outputs.accountName
    principalIds: split(ledgerPrincipals, ',')
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    suffix: suffix
    principalIds: [identities.outputs.observe.principalId]
    tags: allTags
  }
}

module scheduler 'modules/scheduler.bicep' = if (storageProvider == 'DurableTaskScheduler') {
  name: 'scheduler'
  scope: group
  params: {
    location: location
    suffix: suffix
    principalIds: [identities.outputs.observe.principalId]
    tags: allTags
  }
}

module secrets 'modules/secrets.bicep' = if (!empty(keyVaultName)) {
  name: 'secrets'
  scope: group
  params: {
    location: location
    name: keyVaultName
    principalIds: [identities.outputs.observe.principalId]
    tags: allTags
  }
}

module vault 'modules/vault.bicep' = if (makesVault) {
  name: 'vault'
  scope: group
  params: {
    location: location
    name: madeVaultName
    setUpReplication: setUpReplication
    protectedRegion: protectedRegions[0]
    recoveryRegion: recoveryRegion
    tags: allTags
  }
}

module traffic 'modules/traffic.bicep' = if (makesProfile) {
  name: 'traffic'
  scope: group
  params: {
    name: madeProfileName
    dnsName: trafficDnsName
    endpoints: trafficEndpoints
    tags: allTags
  }
}

module topic 'modules/topic.bicep' = {
  name: 'topic'
  scope: group
  params: {
    location: location
    suffix: suffix
    principalIds: [identities.outputs.observe.principalId]
    tags: allTags
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    location: location
    suffix: suffix
    hosting: hosting
    stance: stance
    storageAccountName: storage.outputs.accountName
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    insightsConnectionString: monitoring.outputs.connectionString
    identities: {
      observe: identities.outputs.observe
      drill: identities.outputs.drill
      failover: identities.outputs.failover
    }
    apiClientId: apiClientId
    tenantId: tenantId
    planStore: storage.outputs.plansUrl
    evidenceStore: storage.outputs.evidenceUrl
    sharedStore: empty(sharedLockEndpoint) ? storage.outputs.sharedUrl : '${sharedLockEndpoint}shared'
    eventTopicEndpoint: topic.outputs.endpoint
    subnetId: subnetId
    probeProxy: probeProxy
    reach: reach
    actionSecrets: actionSecrets
    chats: chats
    chatPeople: chatPeople
    killSwitch: killSwitch
    dnsResolvers: dnsResolvers
    requestsPerMinute: requestsPerMinute
    vantagePoints: vantagePoints
    schedulerConnection: storageProvider == 'DurableTaskScheduler' ? scheduler.outputs.connection : ''
    keyVaultUri: empty(keyVaultName) ? '' : secrets.outputs.uri
    tags: allTags
  }
}

module vaultAccess 'modules/access-vault.bicep' = {
  name: 'access-vault-${environmentName}'
  scope: resourceGroup(vaultPlace.subscription, vaultPlace.group)
  dependsOn: [vault]
  params: {
    vaultName: vaultPlace.name
    grants: concat(
      [
        {
          role: roles.outputs.names.observe
          principal: identities.outputs.principalIds.observe
        }
        {
          role: roles.outputs.names.drill
          principal: identities.outputs.principalIds.drill
        }
        {
          role: roles.outputs.names.failover
          principal: identities.outputs.principalIds.failover
        }
      ],
      grantProtection
        ? [
            {
              role: roles.outputs.names.protect
              principal: identities.outputs.principalIds.failover
            }
          ]
        : []
    )
  }
}

module profileAccess 'modules/access-profile.bicep' = if (hasProfile) {
  name: 'access-profile-${environmentName}'
  scope: resourceGroup(profilePlace.subscription, profilePlace.group)
  dependsOn: [traffic]
  params: {
    profileName: profilePlace.name
    grants: [
      {
        role: roles.outputs.names.observe
        principal: identities.outputs.principalIds.observe
      }
      {
        role: roles.outputs.names.failover
        principal: identities.outputs.principalIds.failover
      }
    ]
  }
}

module groupAccess 'modules/access-group.bicep' = [
  for id in applicationGroupIds: {
    name: 'access-group-${environmentName}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      grants: concat(
        [
          {
            role: roles.outputs.names.observe
            principal: identities.outputs.principalIds.observe
          }
        ],
        grantLinkedAccess
          ? [
              {
                role: roles.outputs.names.linked
                principal: identities.outputs.principalIds.failover
              }
            ]
          : []
      )
    }
  }
]

module automationAccess 'modules/access-automation.bicep' = [
  for id in automationAccountIds: {
    name: 'access-automation-${last(split(id, '/'))}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      accountName: last(split(id, '/'))
      grants: [
        {
          role: roles.outputs.names.observe
          principal: identities.outputs.principalIds.observe
        }
        {
          role: roles.outputs.names.failover
          principal: identities.outputs.principalIds.failover
        }
      ]
    }
  }
]

module deadLetters 'modules/dead-letters.bicep' = {
  name: 'dead-letters'
  scope: group
  params: {
    location: location
    suffix: suffix
    tags: allTags
  }
}

module groupsElsewhere 'modules/group.bicep' = [
  for place in filter(watched, one => one.subscription != here.subscription): {
    name: 'group-${environmentName}'
    scope: subscription(place.subscription)
    params: {
      location: location
      name: place.group
      tags: allTags
    }
  }
]

module healthTopics 'modules/health-topic.bicep' = [
  for place in watched: if (place.makesTopic) {
    name: 'health-topic'
    scope: resourceGroup(place.subscription, place.group)
    dependsOn: [group, groupsElsewhere]
    params: {
      suffix: suffix
      tags: allTags
    }
  }
]

module events 'modules/events.bicep' = [
  for place in watched: if (subscribeToHealth) {
    name: 'events-${environmentName}'
    scope: resourceGroup(split(place.topicId, '/')[2], split(place.topicId, '/')[4])
    dependsOn: [healthTopics]
    params: {
      topicName: last(split(place.topicId, '/'))
      appId: app.outputs.id
      deadLetterAccountId: deadLetters.outputs.accountId
      deadLetterContainer: deadLetters.outputs.container
      suffix: suffix
    }
  }
]

module people 'modules/people.bicep' = [
  for place in watched: {
    name: 'people'
    scope: resourceGroup(place.subscription, place.group)
    dependsOn: [group, groupsElsewhere]
    params: {
      suffix: suffix
      operatorMails: operatorMails
      tags: allTags
    }
  }
]

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    suffix: suffix
    appHostName: app.outputs.hostName
    apiClientId: apiClientId
    apiObjectId: apiObjectId
    tenantId: tenantId
    workspaceId: monitoring.outputs.workspaceId
    profileId: makesProfile ? traffic.outputs.id : profileId
    peopleGroupId: people[0].outputs.id
    tags: allTags
  }
}

module watch 'modules/watch.bicep' = [
  for (place, at) in watched: {
    name: 'watch'
    scope: resourceGroup(place.subscription, place.group)
    dependsOn: [healthTopics]
    params: {
      suffix: suffix
      protectedRegionNames: protectedRegionNames
      topicId: place.topicId
      leewardGroupId: alerts.outputs.leewardGroupId
      peopleGroupId: people[at].outputs.id
      tags: allTags
    }
  }
]

@description('Name of the resource group that holds Leeward.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Where Leeward answers.')
output LEEWARD_URL string = 'https://${app.outputs.hostName}'

@description('Where plans are put.')
output PLAN_STORE string = storage.outputs.plansUrl

@description('Where evidence lies.')
output EVIDENCE_STORE string = storage.outputs.evidenceUrl

@description('Where the ledger is kept that two apps share.')
output LEDGER string = empty(sharedLockEndpoint) ? storage.outputs.sharedUrl : '${sharedLockEndpoint}shared'

@description('Principal id of this app\'s observe identity, for the ledgerPrincipals of the other app.')
output LEEWARD_PRINCIPAL_ID string = identities.outputs.observe.principalId

@description('Resource id of the vault, for the plans.')
output VAULT_ID string = makesVault ? vault.outputs.id : vaultId

@description('Name of the app, for the commands of the night.')
output LEEWARD_APP_NAME string = app.outputs.name

@description('Principal of the identity that fails over, to whom roles are given and from whom they are taken.')
output LEEWARD_FAILOVER_PRINCIPAL_ID string = identities.outputs.failover.principalId

@description('Topics of health events, by commas, for a second app that listens to the same subscriptions.')
output LEEWARD_HEALTH_TOPICS string = join(map(watched, place => place.topicId), ',')

@description('Ids of all subscriptions in which Leeward\'s identities were given something, by spaces.')
output LEEWARD_SUBSCRIPTIONS string = join(grantedIn, ' ')

@description('Name of the resource group in each other subscription with machines of applications, from which its health is told.')
output LEEWARD_GROUP_ELSEWHERE string = groupElsewhere
